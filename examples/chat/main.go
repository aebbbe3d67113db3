// Chat is a chat room on the command line: what you type is published to the
// room's topic, and what others type is printed.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
	"github.com/wampeter/wampeter/wamp/meta"
)

func main() {
	url := flag.String("url", wamp.DefaultURL, "URL of the router")
	name := flag.String("name", "somebody", "who you are")
	room := flag.String("room", "lobby", "room to enter, one word")
	flag.Parse()
	c := &chat{name: *name, room: *room, in: os.Stdin, out: os.Stdout}
	a, err := c.app()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	a.Signals = []os.Signal{os.Interrupt}
	a.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if err := a.Run(context.Background(), &wamp.Dialer{URLs: []string{*url}}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// chat is one person in one room.
type chat struct {
	name, room string
	in         io.Reader
	out        io.Writer
	typed      chan string // lines of in; closed at its end
}

// news is what is published: somebody has joined, said something, or left.
type news struct {
	What string `uri:"what"`
	Name string `wamp:"name,required"`
	Text string `wamp:"text,omitzero"`
}

// app returns the App of the person. It is in the room in each of its sessions.
func (c *chat) app() (*app.App, error) {
	if c.room == "" || strings.ContainsAny(c.room, ". ") {
		return nil, errors.New("the room's name has to be one word")
	}
	a := app.New("com.example.chat." + c.room)
	err := a.Subscribe("{what}", wamp.Event(c.heard)) // one subscription: all in order
	a.OnJoin(c.enter)
	a.Main = c.talk
	return a, err
}

func (c *chat) heard(_ context.Context, e news) error {
	var err error
	switch e.What {
	case "said":
		_, err = fmt.Fprintf(c.out, "%s: %s\n", e.Name, e.Text)
	case "joined", "left":
		_, err = fmt.Fprintf(c.out, "* %s %s\n", e.Name, e.What)
	}
	return err
}

func (c *chat) topic(name string) string { return "com.example.chat." + c.room + "." + name }

// enter tells the room that somebody has come. That they left is said by the
// router, also when the network breaks: it is a testament.
func (c *chat) enter(ctx context.Context, s *wamp.Session) error {
	me := wamp.In(news{Name: c.name})
	if err := meta.AddTestament(ctx, s, meta.Destroyed, c.topic("left"), me); err != nil {
		return err
	}
	_, err := s.Publish(ctx, c.topic("joined"), me, wamp.ExcludeMe(false), wamp.Acknowledge())
	return err
}

// talk publishes what is typed, until the end of it.
func (c *chat) talk(ctx context.Context, s *wamp.Session) error {
	if c.typed == nil { // not when the session is just another one
		c.typed = make(chan string)
		go c.read(c.typed)
	}
	for {
		select {
		case text, ok := <-c.typed:
			if !ok {
				return nil
			}
			if _, err := s.Publish(ctx, c.topic("said"), wamp.In(news{Name: c.name, Text: text}), wamp.Acknowledge()); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read reads lines as long as the program lives: a read from a terminal cannot
// be given up.
func (c *chat) read(lines chan<- string) {
	defer close(lines)
	for scanner := bufio.NewScanner(c.in); scanner.Scan(); {
		if text := strings.TrimSpace(scanner.Text()); text != "" {
			lines <- text
		}
	}
}
