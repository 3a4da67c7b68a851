// Estimates of gguf-parser for cells read from standard input, one JSON object a line; its command is not
// served by the module proxies, its library is. The options are those of the command's own defaults.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	parser "github.com/gpustack/gguf-parser-go"
)

type cell struct {
	Path           string
	Context        int32
	Parallel       int32
	KvCache        string
	FlashAttention bool
}

func main() {
	input := json.NewDecoder(os.Stdin)
	for input.More() {
		var c cell
		if err := input.Decode(&c); err != nil {
			panic(err)
		}
		fmt.Println(estimate(c))
	}
}

// estimate gives bytes of RAM, or 0 for a file that gguf-parser cannot read.
func estimate(c cell) uint64 {
	file, err := parser.ParseGGUFFile(c.Path)
	if err != nil {
		fmt.Fprintln(os.Stderr, c.Path, err)
		return 0
	}
	options := []parser.GGUFRunEstimateOption{
		parser.WithLLaMACppContextSize(c.Context * c.Parallel),
		parser.WithParallelSize(c.Parallel),
		parser.WithLLaMACppLogicalBatchSize(2048),
		parser.WithLLaMACppPhysicalBatchSize(512),
		parser.WithLLaMACppOffloadLayers(0),
	}
	if c.FlashAttention {
		options = append(options, parser.WithFlashAttention())
	}
	if c.KvCache == "q8_0" {
		options = append(options,
			parser.WithLLaMACppCacheKeyType(parser.GGMLTypeQ8_0),
			parser.WithLLaMACppCacheValueType(parser.GGMLTypeQ8_0))
	}
	return uint64(file.EstimateLLaMACppRun(options...).SummarizeItem(true, 0, 0).RAM.UMA)
}
