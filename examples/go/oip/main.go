// Labels by the Open Inference Protocol, as KServe and Triton speak it: go run ./oip PHOTO MODEL [SERVER]
package main

import (
	"encoding/binary"
	"fmt"
	"math"

	"siskin/examples/client"
	oip "siskin/examples/stubs/inference"
)

func main() {
	ctx, connection, photo, model := client.Start()
	length := binary.LittleEndian.AppendUint32(nil, uint32(len(photo)))
	answer, err := oip.NewGRPCInferenceServiceClient(connection).ModelInfer(ctx, &oip.ModelInferRequest{
		ModelName:        model,
		Inputs:           []*oip.ModelInferRequest_InferInputTensor{{Name: "input", Datatype: "BYTES", Shape: []int64{1}}},
		Outputs:          []*oip.ModelInferRequest_InferRequestedOutputTensor{{Name: "probabilities"}},
		RawInputContents: [][]byte{append(length, photo...)}})
	client.Check(err)
	raw, best, highest := answer.RawOutputContents[0], 0, float32(0)
	for i := 0; i < len(raw)/4; i++ {
		if p := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); p > highest {
			best, highest = i, p
		}
	}
	fmt.Printf("%6.2f %%  class %d of %d\n", 100*highest, best, len(raw)/4)
}
