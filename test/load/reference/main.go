// Command reference serves the least that can be called a page of accounts: echo, one
// query by gorm, one component of templ. Nobody is signed in, nothing is checked or logged,
// there is no navigation and no search. It shows the same facts of the same rows as the
// console does, and packs them as the console does, for the same browsers; unpacked serves
// the page for whoever would not.
//
// It is a process of its own, as the console is, and tells its address on standard output.
package main

import (
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// account is a row as the page needs it.
type account struct {
	ID, Name, State, OU string
	Tags                map[string]string `gorm:"serializer:json"`
	InventoryAt         *time.Time
	PushedRevision      int64
}

func (a account) read() string {
	if a.InventoryAt == nil {
		return "never"
	}
	return a.InventoryAt.UTC().Format("2 Jan 2006, 15:04 UTC")
}

func (a account) pushed() string {
	if a.PushedRevision == 0 {
		return "never"
	}
	return strconv.FormatInt(a.PushedRevision, 10)
}

func (a account) tags() []string {
	var tags []string
	for k, v := range a.Tags {
		tags = append(tags, k+"="+v)
	}
	slices.Sort(tags)
	return tags
}

func main() {
	if err := serve(os.Getenv("DATABASE_URL")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(url string) error {
	db, err := gorm.Open(postgres.Open(url), &gorm.Config{Logger: logger.Discard, SkipDefaultTransaction: true})
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(30)
	pool.SetMaxIdleConns(30)
	list := func(c echo.Context) error {
		ctx := c.Request().Context()
		var rows []account
		if err := db.WithContext(ctx).Order("name, id").Limit(50).Find(&rows).Error; err != nil {
			return err
		}
		c.Response().Header().Set(echo.HeaderContentType, echo.MIMETextHTMLCharsetUTF8)
		return page(rows).Render(ctx, c.Response())
	}
	e := echo.New()
	e.GET("/unpacked", list)
	e.GET("/accounts", list, middleware.GzipWithConfig(middleware.GzipConfig{Level: gzip.BestSpeed}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, e)
}
