package transport

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
)

// KindMisdirected refuses a request for a host that is not this console.
const KindMisdirected access.Kind = "misdirected"

// knownHost refuses requests for other hosts than this machine itself and that of the public URL. A
// foreign page can point its own name at the console's address (DNS rebinding). Its requests
// are of the same origin for the browser, and only the Host header shows the foreign name.
//
// Probes of an orchestrator use the address of a container, so the two health checks, which tell
// nothing, are answered for every host.
func (s *Server) knownHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" || s.isOwnHost(r.Host) {
			return next(c)
		}
		return access.Errorf(KindMisdirected, "This console is not the host %q. Use the address that is set with "+
			"--public-url, or http://localhost on the machine of the console.", access.Visible(hostName(r.Host)))
	}
}

// isOwnHost reports whether a Host header names this console. The port does not count: a proxy may
// listen on another one.
func (s *Server) isOwnHost(host string) bool {
	name := hostName(host)
	return isLoopback(name) || s.cfg.PublicURL != nil && name == hostName(s.cfg.PublicURL.Host)
}

// hostName is a Host header in lower case, without its port, the brackets of IPv6 and the dot at the
// end of a full name.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func isLoopback(name string) bool {
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// isForeignReferer reports whether a request names the page that it comes from, and that page is not
// one of this console. Browsers send Origin with each form; if one sends Referer alone, it counts.
func (s *Server) isForeignReferer(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	from := r.Header.Get("Referer")
	if from == "" || r.Header.Get("Origin") != "" {
		return false
	}
	page, err := url.Parse(from)
	if err != nil || page.Host == "" {
		return true
	}
	public := s.cfg.PublicURL
	return page.Host != r.Host && (public == nil || page.Scheme != public.Scheme || page.Host != public.Host)
}
