// Package tools names the command that the sandbox builds, so that go.sum covers what it needs.
package tools

import _ "go.etcd.io/etcd/server/v3/etcdmain"
