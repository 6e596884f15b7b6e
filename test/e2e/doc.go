// Package e2e drives the console as people do: in a headless Chromium, and once more in
// a browser that knows no JavaScript. Every page that it opens is looked at by axe, in
// light and in dark, and must make no error in the browser's console, which is where a
// breach of the content security policy shows.
//
// With PORTCULLIS_SCREENSHOTS=DIR the pages are also written there as pictures, 1440 and
// 400 pixels wide, light and dark, and docs/images/overview.png is made anew.
package e2e
