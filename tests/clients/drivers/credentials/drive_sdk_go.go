// Writes, reads and lists below a prefix, and is refused the neighbour's object.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

func main() {
	bucket, own, neighbours := os.Args[1], os.Args[2], os.Args[3]
	ctx := context.Background()
	settings, err := config.LoadDefaultConfig(ctx)
	check(err)
	client := s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = true })
	for number := range 3 {
		key := fmt.Sprintf("%s%d", own, number)
		_, err = client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: bytes.NewReader([]byte("hello")),
		})
		check(err)
		found, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		check(err)
		body, err := io.ReadAll(found.Body)
		check(err)
		if string(body) != "hello" {
			panic("another body")
		}
	}
	listed, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &own})
	check(err)
	fmt.Println(aws.ToInt32(listed.KeyCount))
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &neighbours})
	var refused smithy.APIError
	if errors.As(err, &refused) {
		fmt.Println(refused.ErrorCode())
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
