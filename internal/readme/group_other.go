//go:build !unix

package readme

import "os/exec"

// group does nothing where processes have no groups.
func group(*exec.Cmd) {}

func interruptGroup(cmd *exec.Cmd) { killGroup(cmd) }

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
