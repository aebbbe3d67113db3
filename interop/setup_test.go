//go:build interop && unix

package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// tools are the programs that the tests run, at their paths.
type tools struct {
	python   string // of the environment with Autobahn and serverwamp
	crossbar string
	node     string
	modules  string // the directory with node/*.mjs beside its node_modules
	wampeter string // built from this tree, with the race detector
}

// prepare finds or installs everything. All of it is attempted, so that one run
// names every tool that is missing.
func prepare(ctx context.Context) (*tools, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return nil, err
	}
	cache := os.Getenv("WAMPETER_CACHE")
	if cache == "" {
		cache = filepath.Join(root, ".cache")
	}
	cache = filepath.Join(cache, "interop")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}

	clients := filepath.Join(cache, "clients")
	crossbar := filepath.Join(cache, "crossbar")
	modules := filepath.Join(cache, "node")
	wampeter := filepath.Join(cache, "wampeter")

	jobs := []func() error{
		func() error { return pythonEnvironment(ctx, clients, "python/clients.txt") },
		func() error { return pythonEnvironment(ctx, crossbar, "python/crossbar.txt") },
		func() error { return nodeModules(ctx, modules) },
		func() error {
			return run(ctx, root, "go", "build", "-race", "-o", wampeter, "./cmd/wampeter")
		},
	}
	errs := make([]error, len(jobs))
	var wg sync.WaitGroup
	for i, job := range jobs {
		wg.Go(func() { errs[i] = job() })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}

	node, err := exec.LookPath("node")
	if err != nil {
		return nil, err
	}
	return &tools{
		python:   filepath.Join(clients, "bin", "python"),
		crossbar: filepath.Join(crossbar, "bin", "crossbar"),
		node:     node,
		modules:  modules,
		wampeter: wampeter,
	}, nil
}

// pythonEnvironment makes a virtual environment with the packages that the
// file of requirements pins.
func pythonEnvironment(ctx context.Context, dir, requirements string) error {
	python, err := exec.LookPath("python3")
	if err != nil {
		return errors.New("python3 is missing: install Python 3.11 or later (Debian: apt-get install python3 python3-venv)")
	}
	if err := run(ctx, ".", python, "-c", "import ensurepip, venv"); err != nil {
		return errors.New("python3 has no venv module: install it (Debian: apt-get install python3-venv)")
	}
	version, err := exec.CommandContext(ctx, python, "-c", "import sys; print(sys.version)").Output()
	if err != nil {
		return fmt.Errorf("python3: %w", err)
	}
	return install(dir, []string{requirements}, version, func() error {
		if err := run(ctx, ".", python, "-m", "venv", dir); err != nil {
			return err
		}
		return run(ctx, ".", filepath.Join(dir, "bin", "python"), "-m", "pip", "install",
			"--quiet", "--disable-pip-version-check", "--requirement", requirements)
	})
}

// nodeModules installs the packages of node/package-lock.json, with the
// programs beside them, because Node looks for packages from where a program
// lies. No package needs its install script: the native parts of fox-wamp
// belong to a storage that is not used.
func nodeModules(ctx context.Context, dir string) error {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is missing: install Node 18 or later with npm (Debian: apt-get install nodejs npm)", tool)
		}
	}
	version, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	pins := []string{"node/package.json", "node/package-lock.json"}
	err = install(dir, pins, version, func() error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := copyInto(dir, pins...); err != nil {
			return err
		}
		return run(ctx, dir, "npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	})
	if err != nil {
		return err
	}
	programs, err := filepath.Glob("node/*.mjs")
	if err != nil {
		return err
	}
	return copyInto(dir, programs...)
}

// install runs make unless dir was completely made from the same pins by the
// same version of the tool.
func install(dir string, pins []string, version []byte, make func() error) error {
	sum := sha256.New()
	sum.Write(version)
	for _, name := range pins {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		sum.Write(content)
	}
	want := []byte(hex.EncodeToString(sum.Sum(nil)))
	stamp := filepath.Join(dir, ".pins")
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, want) {
		return nil
	}
	fmt.Fprintf(os.Stderr, "interop: installing %s into %s\n", pins[0], dir)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := make(); err != nil {
		return err
	}
	return os.WriteFile(stamp, want, 0o644)
}

func copyInto(dir string, names ...string) error {
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// run runs a command to its end and puts its output into the error.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, bytes.TrimSpace(output))
	}
	return nil
}
