package load

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// bareAccount is a row as the least of all pages reads it.
type bareAccount struct{ ID, Name, State, OU string }

// startReference serves the least that can be called a page of accounts: one query, one
// component, nobody signed in, nothing checked.
func startReference(t *testing.T, url string) string {
	t.Helper()
	db, err := gorm.Open(postgres.Open(url), &gorm.Config{Logger: logger.Discard, SkipDefaultTransaction: true})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	pool.SetMaxOpenConns(30)
	pool.SetMaxIdleConns(30)
	e := echo.New()
	e.GET("/accounts", func(c echo.Context) error {
		var rows []bareAccount
		if err := db.WithContext(c.Request().Context()).Table("accounts").Order("name, id").Limit(50).Find(&rows).Error; err != nil {
			return err
		}
		return barePage(rows).Render(c.Request().Context(), c.Response())
	})
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	return srv.URL
}

func barePage(rows []bareAccount) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, "<!doctype html><html lang=en><title>Accounts</title><table>"); err != nil {
			return err
		}
		for _, r := range rows {
			if _, err := fmt.Fprintf(w, "<tr><td><a href=\"/accounts/%s\">%s</a><td>%s<td>%s", templ.EscapeString(r.ID), templ.EscapeString(r.Name), templ.EscapeString(r.State), templ.EscapeString(r.OU)); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, "</table></html>")
		return err
	})
}
