package store_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
)

// TestOpenRefused opens databases that let no one in, and wants the part of DATABASE_URL that is wrong.
func TestOpenRefused(t *testing.T) {
	for code, want := range map[string]string{
		"28P01": "refuses the password of the role ada",
		"28000": "does not let the role ada in",
		"3D000": "has no such database",
		"57P03": "does not answer",
	} {
		address := refuser(t, code)
		_, err := store.Open(t.Context(), store.Config{URL: "postgres://ada:secret@" + address + "/x?sslmode=disable"})
		said := access.MessageOf(err)
		if access.KindOf(err) != access.KindUnavailable || !strings.Contains(said, want) || !strings.Contains(said, "DATABASE_URL") {
			t.Errorf("SQLSTATE %s: %v, want it to say %q and DATABASE_URL", code, err, want)
		}
		if strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("SQLSTATE %s: the error gives the password away: %v", code, err)
		}
	}
}

// refuser is a server that answers each connection with an error.
func refuser(t *testing.T, code string) string {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			server := pgproto3.NewBackend(c, c)
			if _, err := server.ReceiveStartupMessage(); err == nil {
				server.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: "refused by a test"})
				_ = server.Flush()
			}
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}
