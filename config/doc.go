// Package config is the configuration file of a Wampeter router: what can be
// said in it, how it is read, and the router that it describes.
//
//	c, err := config.Load(ctx, config.Source{File: "wampeter.yaml", Environ: os.Environ()})
//	if err != nil {
//		return err // all mistakes at once, with file, line and column
//	}
//	d, err := config.Start(ctx, c, config.Options{})
//	…
//	err = d.Reload(ctx, changed)
//	…
//	err = d.Shutdown(ctx)
//
// Config is the only description of what there is. The tags of its fields hold
// names, defaults and documentation; the reader, the names in the environment,
// the flags of 'wampeter run', the JSON Schema, docs/configuration.md and the
// sample of 'wampeter init' are made of it.
//
// A file is YAML or JSON. A value in the environment (WAMPETER_LIMITS_MAX_MESSAGE
// for limits.max_message) replaces one in the file, a flag both. In a file
// ${NAME} stands for a variable of the environment, ${NAME:-x} for x when there
// is none; names are upper case, since ${authid} and ${session} are for rules. A
// secret may be file:PATH, too. Paths in a file are relative to its folder.
//
// Whoever has Go can do all of it by package router; nothing here uses anything
// else.
package config

//go:generate go test -run TestDocumentation . -update
