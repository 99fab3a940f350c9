// Faces in a photo: go run ./detect PHOTO [MODEL [SERVER]]
package main

import (
	"fmt"

	"siskin/examples/client"
	siskin "siskin/examples/stubs/siskin/v1"
)

func main() {
	ctx, connection, photo, model := client.Start()
	answer, err := siskin.NewFaceDetectorClient(connection).Detect(ctx,
		&siskin.DetectRequest{Model: model, Image: photo})
	client.Check(err)
	fmt.Printf("%d faces in %d x %d pixels\n", len(answer.Faces), answer.ImageWidth, answer.ImageHeight)
	for _, face := range answer.Faces {
		box := face.Box
		fmt.Printf("%6.2f %%  (%.0f, %.0f) to (%.0f, %.0f)\n",
			100*face.Score, box.Xmin, box.Ymin, box.Xmax, box.Ymax)
	}
}
