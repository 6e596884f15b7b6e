package server

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

func TestConfigRefuses(t *testing.T) {
	base := Config{Database: Database{Dir: "/tmp/x"}}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no database":            {func(c *Config) { c.Database = Database{} }, "DATABASE_URL"},
		"demo for everybody":     {func(c *Config) { c.Demo, c.Listen = true, "0.0.0.0:8080" }, "loopback only"},
		"demo on every address":  {func(c *Config) { c.Demo, c.Listen = true, ":8080" }, "loopback only"},
		"demo's sandbox outside": {func(c *Config) { c.Demo, c.Sandbox = true, &Sandbox{Listen: "192.0.2.1:8081"} }, "loopback only"},
		"an unknown host":        {func(c *Config) { c.Listen = "0.0.0.0:8080" }, "--public-url"},
		"public URL over HTTP":   {func(c *Config) { c.PublicURL = "http://portcullis.example.com" }, "plain HTTP"},
		"public URL with path":   {func(c *Config) { c.PublicURL = "https://example.com/portcullis" }, "scheme and host"},
		"public URL without one": {func(c *Config) { c.PublicURL = "portcullis.example.com" }, "scheme and host"},
	} {
		cfg := base
		c.change(&cfg)
		err := cfg.withDefaults().check()
		if err == nil {
			t.Errorf("%s: accepted, want a refusal", name)
			continue
		}
		if got := err.Error(); !strings.Contains(got, c.want) || access.KindOf(err) != access.KindInvalid {
			t.Errorf("%s: error = %q (%s), want one of kind invalid that says %q", name, got, access.KindOf(err), c.want)
		}
	}
}

func TestCookiesAreInsecureOnLoopbackOnly(t *testing.T) {
	for _, c := range []struct {
		listen, public string
		want           bool
	}{
		{"127.0.0.1:8080", "", true},
		{"localhost:8080", "", true},
		{"[::1]:8080", "", true},
		{"0.0.0.0:8080", "", false},
		{":8080", "", false},
		{"10.0.0.5:8080", "", false},
		{"0.0.0.0:8080", "http://localhost:8080", true},
		{"127.0.0.1:8080", "https://portcullis.example.com", false},
	} {
		cfg := Config{Listen: c.listen, PublicURL: c.public}
		if got := cfg.insecureCookies(); got != c.want {
			t.Errorf("listen %s, public URL %q: insecure cookies %v, want %v", c.listen, c.public, got, c.want)
		}
	}
}
