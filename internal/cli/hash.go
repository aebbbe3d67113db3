package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/router"
)

func (p *process) hashCommand() *cobra.Command {
	var iterations int
	cmd := &cobra.Command{
		Use:   "hash {ticket | wampcra | scram}",
		Short: "Turn a secret into what a configuration file should keep",
		Long: `Read a secret from standard input, or ask for it on a terminal, and print what a
user of a configuration file should have instead, as lines of YAML:

  ticket   an Argon2id hash. Who steals it cannot log in with it
  wampcra  a salted secret. Who steals it can log in with it, at this router alone
  scram    credentials for wamp-scram, and for scram as Autobahn and Crossbar.io
           speak it. Who steals them cannot log in with them`,
		Example: `  wampeter hash ticket
  wampeter hash scram < password.txt
  echo "$SECRET" | wampeter hash wampcra --iterations 100000`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"ticket", "wampcra", "scram"},
		RunE: p.action(func(ctx context.Context, args []string) error {
			if iterations < 1 {
				return usagef("--iterations %d: want at least 1", iterations)
			}
			secret, err := p.chooseSecret(ctx, map[string]string{"ticket": "ticket", "wampcra": "secret", "scram": "password"}[args[0]])
			if err != nil {
				return err
			}
			text, err := hashSecret(args[0], secret, iterations)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(p.stdout, text)
			return err
		}),
	}
	cmd.Flags().IntVar(&iterations, "iterations", 100_000, "of PBKDF2, for wampcra")
	return cmd
}

// hashSecret returns the lines of a user in a configuration file. What has commas
// is quoted, so that it can stand within braces, too.
func hashSecret(method, secret string, iterations int) (string, error) {
	switch method {
	case "ticket":
		return fmt.Sprintf("ticket: %q\n", router.HashTicket(secret)), nil
	case "wampcra":
		u, err := router.SaltSecret(secret, iterations)
		return fmt.Sprintf("secret: %s\nsalt: %s\niterations: %d\nkeylen: %d\n", u.Secret, u.Salt, u.Iterations, u.KeyLength), err
	}
	list, err := router.HashPassword(secret)
	text := "scram:\n"
	for _, c := range list {
		text += fmt.Sprintf("  - %q\n", c)
	}
	return text, err
}
