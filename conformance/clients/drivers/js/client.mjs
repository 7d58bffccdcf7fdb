// @aws-sdk/client-s3: told on standard input what to do, one line of JSON a verb, answers with one.
import { createReadStream, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const PART_BYTES = 8 * 1024 * 1024;
const VALID = { expiresIn: 300 };

let s3;
let Bucket;

function start(place) {
  Bucket = place.bucket;
  s3 = new S3Client({
    endpoint: place.endpoint,
    forcePathStyle: true,
    region: place.region,
    credentials: {
      accessKeyId: place.access_key,
      secretAccessKey: place.secret_key,
      sessionToken: place.session_token ?? undefined,
    },
    maxAttempts: 1,
  });
  const installed = new URL("node_modules/@aws-sdk/client-s3/package.json", import.meta.url);
  return `@aws-sdk/client-s3 ${JSON.parse(readFileSync(installed)).version}`;
}

async function read(to, wanted) {
  const answer = await s3.send(new GetObjectCommand({ Bucket, ...wanted }));
  await writeFile(to, await answer.Body.transformToByteArray());
}

async function write({ key, path }, said = {}) {
  const Body = await readFile(path);
  await s3.send(new PutObjectCommand({ Bucket, Key: key, Body, ...said }));
}

const VERBS = {
  put: (told) => write(told),
  put_described: (told) =>
    write(told, { ContentType: told.content_type, Metadata: told.metadata }),
  put_new: (told) => write(told, { IfNoneMatch: "*" }),
  async multipart({ key, path }) {
    const params = { Bucket, Key: key, Body: createReadStream(path) };
    await new Upload({ client: s3, params, partSize: PART_BYTES }).done();
  },
  get: ({ key, to }) => read(to, { Key: key }),
  get_range: ({ key, to, start, stop }) =>
    read(to, { Key: key, Range: `bytes=${start}-${stop - 1}` }),
  get_if_match: ({ key, to, etag }) => read(to, { Key: key, IfMatch: etag }),
  async find_changed({ key, to, etag }) {
    try {
      await read(to, { Key: key, IfNoneMatch: etag });
    } catch (refused) {
      if (refused.$metadata?.httpStatusCode !== 304) throw refused;
      return false;
    }
    return true;
  },
  async head({ key }) {
    const seen = await s3.send(new HeadObjectCommand({ Bucket, Key: key }));
    const { ContentLength, ETag, ContentType, Metadata } = seen;
    return { size: ContentLength, etag: ETag, content_type: ContentType, metadata: Metadata };
  },
  describe: (told) => VERBS.head(told),
  async list({ prefix }) {
    const keys = [];
    const wanted = { Bucket, Prefix: prefix };
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 7 }, wanted)) {
      keys.push(...(page.Contents ?? []).map((one) => one.Key));
    }
    return keys;
  },
  async copy({ source, target }) {
    // CopySource is sent as it is given: escaping is the caller's work in this SDK.
    const CopySource = `${Bucket}/${source.split("/").map(encodeURIComponent).join("/")}`;
    await s3.send(new CopyObjectCommand({ Bucket, Key: target, CopySource }));
  },
  async delete({ key }) {
    await s3.send(new DeleteObjectCommand({ Bucket, Key: key }));
  },
  async delete_many({ keys }) {
    const Delete = { Objects: keys.map((Key) => ({ Key })) };
    const seen = await s3.send(new DeleteObjectsCommand({ Bucket, Delete }));
    if (seen.Errors?.length) throw new Error(JSON.stringify(seen.Errors));
  },
  presign_get: ({ key }) => getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: key }), VALID),
  presign_put: ({ key }) => getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: key }), VALID),
};

for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  let said;
  try {
    said = { value: (s3 ? await VERBS[told.verb](told) : start(told)) ?? null };
  } catch (refused) {
    const status = refused.$metadata?.httpStatusCode ?? "";
    said = { error: `${refused.name} ${status} ${refused.message}` };
  }
  console.log(JSON.stringify(said));
}
