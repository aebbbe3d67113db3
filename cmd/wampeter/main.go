// Command wampeter is a WAMP router, and a client for the shell. See
// "wampeter help".
package main

import (
	"os"

	"github.com/wampeter/wampeter/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
