// Reads a configuration of kind with kind's own library, which makes no cluster of it here: says what is wrong with it.
package main

import (
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/kind/pkg/cluster"
)

// What ends Create after it has read the configuration and before it does anything.
const stop = "no such kind"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: config FILE")
		os.Exit(2)
	}
	provider := cluster.NewProvider(cluster.ProviderWithDocker())
	err := provider.Create("",
		cluster.CreateWithConfigFile(os.Args[1]),
		cluster.CreateWithRawConfig([]byte("kind: "+stop+"\napiVersion: kind.x-k8s.io/v1alpha4\n")))
	if err == nil || !strings.Contains(err.Error(), stop) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
