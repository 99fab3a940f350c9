// Labels of a photo: go run ./classify PHOTO [MODEL [SERVER]]
package main

import (
	"fmt"

	"siskin/examples/client"
	siskin "siskin/examples/stubs/siskin/v1"
)

func main() {
	ctx, connection, photo, model := client.Start()
	answer, err := siskin.NewClassifierClient(connection).Classify(ctx, &siskin.ClassifyRequest{
		Model: model, Input: &siskin.ClassifyRequest_Image{Image: photo}, TopK: 3})
	client.Check(err)
	for _, best := range answer.Classifications {
		fmt.Printf("%6.2f %%  %s (%d)\n", 100*best.Probability, best.Label, best.Index)
	}
}
