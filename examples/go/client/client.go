// Package client is what the three examples share: their arguments, PHOTO [MODEL [SERVER]], and a connection.
package client

import (
	"context"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Start reads the photo and connects. Calls get five seconds.
func Start() (ctx context.Context, connection *grpc.ClientConn, photo []byte, model string) {
	arguments := append(os.Args[1:], "", "", "") // the absent ones are empty
	photo, err := os.ReadFile(arguments[0])
	if err != nil {
		log.Fatalf("usage: %s PHOTO [MODEL [SERVER]]: %v", os.Args[0], err)
	}
	server := arguments[2]
	if server == "" {
		server = "localhost:8001"
	}
	connection, err = grpc.Dial(server, grpc.WithTransportCredentials(insecure.NewCredentials()))
	Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	_ = cancel // the program ends first
	return ctx, connection, photo, arguments[1]
}

// Check ends the program if there is an error.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
