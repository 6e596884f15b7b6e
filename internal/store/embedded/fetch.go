package embedded

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"portcullis.internal/portcullis/internal/access"
)

// fetchVersion is what is fetched for a new cluster.
const fetchVersion = embeddedpostgres.V17

// repository overrides where binaries are fetched from; for tests.
var repository = ""

// fetchBinaries fetches Postgres into the folder for a machine that has none. The
// library can only fetch by starting a server of its own, which Postgres refuses to
// root; so a root process is told what to install.
func fetchBinaries(ctx context.Context, cfg Config, f folder, want string) (string, error) {
	if want != "" && want != "17" {
		return "", access.Errorf(access.KindUnavailable, "the database in %s was made by Postgres %s, which this machine does not have; install it with the system's packages", f.dir, want)
	}
	if os.Geteuid() == 0 {
		return "", access.Errorf(access.KindUnavailable, "no Postgres was found on this machine, neither on PATH nor in /usr/lib/postgresql; install it with: %s. Or set DATABASE_URL to a database that runs elsewhere", installHint())
	}
	target := filepath.Join(f.dir, "postgres")
	bin := filepath.Join(target, "bin")
	if executable(filepath.Join(bin, "postgres")) {
		return bin, nil
	}
	cfg.Log.Info("no Postgres on this machine: fetching one", "version", string(fetchVersion), "into", target)
	if err := fetchInto(f, target); err != nil {
		return "", access.Wrap(access.KindUnavailable, err, "no Postgres was found on this machine, and fetching one failed; install it with: %s. Or set DATABASE_URL to a database that runs elsewhere", installHint())
	}
	return bin, ctx.Err()
}

func fetchInto(f folder, target string) error {
	scratch, err := os.MkdirTemp(f.dir, "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	port, err := freePort()
	if err != nil {
		return err
	}
	config := embeddedpostgres.DefaultConfig().Version(fetchVersion).Port(port).Logger(io.Discard).
		CachePath(filepath.Join(scratch, "cache")).RuntimePath(filepath.Join(scratch, "run")).
		DataPath(filepath.Join(scratch, "data")).BinariesPath(target)
	if repository != "" {
		config = config.BinaryRepositoryURL(repository)
	}
	server := embeddedpostgres.NewDatabase(config)
	if err := server.Start(); err != nil {
		return err
	}
	return server.Stop()
}

func freePort() (uint32, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	addr, err := netip.ParseAddrPort(l.Addr().String())
	return uint32(addr.Port()), err
}
