// Command gateping sends GET requests one after another over one kept connection, with a pause before each, and prints how long
// each took, in nanoseconds, as a JSON array. Usage: gateping URL COUNT PAUSE [CERTIFICATE KEY], where PAUSE is such as 5ms. It does
// not check who the server is: it measures.
package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func get(client *http.Client, url string) error {
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, answer.Status)
	}
	return nil
}

func run(url, count, between string, pair []string) error {
	config := &tls.Config{InsecureSkipVerify: true}
	if len(pair) == 2 {
		certificate, err := tls.LoadX509KeyPair(pair[0], pair[1])
		if err != nil {
			return err
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	wanted, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	pause, err := time.ParseDuration(between)
	if err != nil {
		return err
	}
	// The first ones open the connection and fill caches on the way.
	for warm := 0; warm < 50; warm++ {
		if err := get(client, url); err != nil {
			return err
		}
	}
	times := make([]int64, wanted)
	for at := range times {
		time.Sleep(pause)
		started := time.Now()
		if err := get(client, url); err != nil {
			return err
		}
		times[at] = time.Since(started).Nanoseconds()
	}
	return json.NewEncoder(os.Stdout).Encode(times)
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: gateping URL COUNT PAUSE [CERTIFICATE KEY]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
