// Package accesstest holds what the tests of several packages share: values of package access that
// are drawn at random, and documents of the article that Portcullis follows.
//
// It may import access and what tests need. Only tests import it.
package accesstest
