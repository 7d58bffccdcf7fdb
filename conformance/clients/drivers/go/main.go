// aws-sdk-go-v2: told on standard input what to do, one line of JSON a verb, and answers with one.
// Files go through its transfer manager, the rest through the plain client.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const partBytes = 8 * 1024 * 1024
const lineBytesMax = 1024 * 1024

type place struct {
	Endpoint, Bucket, Region string
	AccessKey                string `json:"access_key"`
	SecretKey                string `json:"secret_key"`
	SessionToken             string `json:"session_token"`
}

type order struct {
	Verb, Key, Path, To, Prefix, Source, Target, ETag string
	Keys                                              []string
	Start, Stop                                       int64
	ContentType                                       string `json:"content_type"`
	Metadata                                          map[string]string
}

type client struct {
	s3     *s3.Client
	files  *transfermanager.Client
	bucket *string
}

type reply map[string]any

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lineBytesMax)
	var at place
	var made *client
	for lines.Scan() {
		var value any
		var err error
		if made == nil {
			err = json.Unmarshal(lines.Bytes(), &at)
			made, value = newClient(at), "aws-sdk-go-v2 "+aws.SDKVersion
		} else {
			var told order
			if err = json.Unmarshal(lines.Bytes(), &told); err == nil {
				value, err = made.do(context.Background(), told)
			}
		}
		said := reply{"value": value}
		if err != nil {
			said = reply{"error": err.Error()}
		}
		written, _ := json.Marshal(said)
		fmt.Println(string(written))
	}
}

func newClient(at place) *client {
	made := s3.New(s3.Options{
		BaseEndpoint: &at.Endpoint,
		UsePathStyle: true,
		Region:       at.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(at.AccessKey, at.SecretKey, at.SessionToken),
		Retryer:      aws.NopRetryer{},
	})
	files := transfermanager.New(made, func(options *transfermanager.Options) {
		options.PartSizeBytes = partBytes
		options.MultipartUploadThreshold = partBytes
	})
	return &client{made, files, &at.Bucket}
}

func (c *client) do(ctx context.Context, told order) (any, error) {
	switch told.Verb {
	case "put", "put_described", "put_new":
		return nil, c.put(ctx, told)
	case "multipart":
		return nil, c.multipart(ctx, told)
	case "get":
		return nil, c.download(ctx, told)
	case "get_range":
		asked := fmt.Sprintf("bytes=%d-%d", told.Start, told.Stop-1)
		return nil, c.get(ctx, told, &s3.GetObjectInput{Range: &asked})
	case "get_if_match":
		return nil, c.get(ctx, told, &s3.GetObjectInput{IfMatch: &told.ETag})
	case "find_changed":
		return c.findChanged(ctx, told)
	case "head", "describe":
		return c.head(ctx, told.Key)
	case "list":
		return c.list(ctx, told.Prefix)
	case "copy":
		return nil, c.copy(ctx, told)
	case "delete":
		_, err := c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: c.bucket, Key: &told.Key})
		return nil, err
	case "delete_many":
		return nil, c.deleteMany(ctx, told.Keys)
	case "presign_get", "presign_put":
		return c.presign(ctx, told)
	}
	return nil, errors.New("no such verb")
}

func (c *client) put(ctx context.Context, told order) error {
	file, err := os.Open(told.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	input := &s3.PutObjectInput{Bucket: c.bucket, Key: &told.Key, Body: file}
	if told.Verb == "put_described" {
		input.ContentType, input.Metadata = &told.ContentType, told.Metadata
	}
	if told.Verb == "put_new" {
		input.IfNoneMatch = aws.String("*")
	}
	_, err = c.s3.PutObject(ctx, input)
	return err
}

func (c *client) multipart(ctx context.Context, told order) error {
	file, err := os.Open(told.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = c.files.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: c.bucket, Key: &told.Key, Body: file,
	})
	return err
}

func (c *client) download(ctx context.Context, told order) error {
	file, err := os.Create(told.To)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = c.files.DownloadObject(ctx, &transfermanager.DownloadObjectInput{
		Bucket: c.bucket, Key: &told.Key, WriterAt: file,
	})
	return err
}

func (c *client) get(ctx context.Context, told order, input *s3.GetObjectInput) error {
	input.Bucket, input.Key = c.bucket, &told.Key
	answer, err := c.s3.GetObject(ctx, input)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(told.To, content, 0o600)
}

func (c *client) findChanged(ctx context.Context, told order) (bool, error) {
	err := c.get(ctx, told, &s3.GetObjectInput{IfNoneMatch: &told.ETag})
	var refused *smithyhttp.ResponseError
	if errors.As(err, &refused) && refused.HTTPStatusCode() == 304 {
		return false, nil
	}
	return err == nil, err
}

func (c *client) head(ctx context.Context, key string) (any, error) {
	seen, err := c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: c.bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	return reply{
		"size": aws.ToInt64(seen.ContentLength), "etag": aws.ToString(seen.ETag),
		"content_type": aws.ToString(seen.ContentType), "metadata": seen.Metadata,
	}, nil
}

func (c *client) list(ctx context.Context, prefix string) (any, error) {
	keys := []string{}
	pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{
		Bucket: c.bucket, Prefix: &prefix, MaxKeys: aws.Int32(7),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, one := range page.Contents {
			keys = append(keys, *one.Key)
		}
	}
	return keys, nil
}

func (c *client) copy(ctx context.Context, told order) error {
	source := *c.bucket + "/" + escaped(told.Source)
	_, err := c.s3.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: c.bucket, Key: &told.Target, CopySource: &source,
	})
	return err
}

// escaped is the caller's work in this SDK: CopySource is sent as it is given.
func escaped(key string) string {
	var out bytes.Buffer
	for _, octet := range []byte(key) {
		letter := octet|0x20 >= 'a' && octet|0x20 <= 'z' || octet >= '0' && octet <= '9'
		if letter || strings.ContainsRune("-._~/", rune(octet)) {
			out.WriteByte(octet)
		} else {
			fmt.Fprintf(&out, "%%%02X", octet)
		}
	}
	return out.String()
}

func (c *client) deleteMany(ctx context.Context, keys []string) error {
	told := &types.Delete{}
	for _, key := range keys {
		told.Objects = append(told.Objects, types.ObjectIdentifier{Key: aws.String(key)})
	}
	seen, err := c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: c.bucket, Delete: told})
	if err == nil && len(seen.Errors) > 0 {
		err = fmt.Errorf("%s: %s", *seen.Errors[0].Key, *seen.Errors[0].Code)
	}
	return err
}

func (c *client) presign(ctx context.Context, told order) (any, error) {
	signer := s3.NewPresignClient(c.s3, s3.WithPresignExpires(5*time.Minute))
	if told.Verb == "presign_get" {
		input := &s3.GetObjectInput{Bucket: c.bucket, Key: &told.Key}
		made, err := signer.PresignGetObject(ctx, input)
		if err != nil {
			return nil, err
		}
		return made.URL, nil
	}
	made, err := signer.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: c.bucket, Key: &told.Key})
	if err != nil {
		return nil, err
	}
	return made.URL, nil
}
