// Package web assembles the console from its parts: transport speaks HTTP, pages are for
// browsers and api is for programs. It embeds static and openapi, and holds nothing else.
//
//	          ┌─▶ pages ─▶ view
//	web ──────┼─▶ api
//	          └─▶ transport ◀── pages, api
//
// Echo is imported here and in these packages only.
package web
