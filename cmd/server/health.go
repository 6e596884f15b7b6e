package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// healthCmd asks a console on this machine whether it is ready. It is for health checks
// where there is no other program to ask with, such as in the container.
type healthCmd struct {
	Listen string `env:"PORTCULLIS_LISTEN" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where the console listens."`
}

func (cmd healthCmd) Run(c *console) error {
	host, port, err := net.SplitHostPort(cmd.Listen)
	if err != nil {
		return usagef("--listen: %q is not an address and a port, such as 127.0.0.1:8080", cmd.Listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(c.ctx, 2*time.Second)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, port) + "/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the console does not answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the console at %s is not ready: it answered %s", url, resp.Status)
	}
	_, err = fmt.Fprintln(c.out, "ready")
	return err
}
