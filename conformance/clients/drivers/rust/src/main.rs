//! Rust's object_store: told on standard input what to do, one line of JSON a verb; answers with one.

use std::borrow::Cow;
use std::error::Error;
use std::io::{BufRead, stdin};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    Attribute, Attributes, Certificate, ClientOptions, Error as StoreError, GetOptions,
    ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig, WriteMultipart,
};
use serde_json::{Value, json};

const MANIFEST: &str = include_str!("../Cargo.toml");
const PART_BYTES: usize = 8 * 1024 * 1024;
const VALID: Duration = Duration::from_secs(300);

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut lines = stdin().lock().lines();
    let place = serde_json::from_str(&lines.next().ok_or("no place")??)?;
    let store = open(&place)?;
    println!("{}", json!({"value": version()}));
    for line in lines {
        let told: Value = serde_json::from_str(&line?)?;
        let said = match perform(&store, &told).await {
            Ok(value) => json!({"value": value}),
            Err(refused) => json!({"error": explained(refused.as_ref())}),
        };
        println!("{said}");
    }
    Ok(())
}

/// The exact version that the manifest pins.
fn version() -> String {
    let pinned = MANIFEST.split("version = \"=").nth(1).and_then(|rest| rest.split('"').next());
    format!("object_store {}", pinned.unwrap_or("?"))
}

fn open(place: &Value) -> Outcome<AmazonS3> {
    let mut options = ClientOptions::new().with_allow_http(true);
    if let Some(path) = place["ca_file"].as_str() {
        let trusted = Certificate::from_pem(&std::fs::read(path)?)?;
        options = options.with_root_certificate(trusted);
    }
    let no_retries = RetryConfig { max_retries: 0, ..Default::default() };
    let mut builder = AmazonS3Builder::new();
    if let Some(token) = place["session_token"].as_str() {
        builder = builder.with_token(token);
    }
    Ok(builder
        .with_endpoint(text(place, "endpoint"))
        .with_bucket_name(text(place, "bucket"))
        .with_region(text(place, "region"))
        .with_access_key_id(text(place, "access_key"))
        .with_secret_access_key(text(place, "secret_key"))
        .with_virtual_hosted_style_request(false)
        .with_client_options(options)
        .with_retry(no_retries)
        .build()?)
}

async fn perform(store: &AmazonS3, told: &Value) -> Outcome<Value> {
    let key = |name: &str| Path::parse(text(told, name));
    let etag = || told["etag"].as_str().map(str::to_owned);
    match text(told, "verb").as_str() {
        "put" => put(store, told, PutOptions::default()).await?,
        "put_described" => put(store, told, described(told).into()).await?,
        "put_new" => put(store, told, PutMode::Create.into()).await?,
        "multipart" => multipart(store, told).await?,
        "get" => get(store, told, GetOptions::default()).await?,
        "get_range" => {
            let range = told["start"].as_u64().unwrap()..told["stop"].as_u64().unwrap();
            tokio::fs::write(text(told, "to"), store.get_range(&key("key")?, range).await?).await?;
        }
        "get_if_match" => {
            get(store, told, GetOptions { if_match: etag(), ..Default::default() }).await?;
        }
        "find_changed" => {
            let asked = GetOptions { if_none_match: etag(), ..Default::default() };
            return match get(store, told, asked).await {
                Err(refused) if is_not_modified(refused.as_ref()) => Ok(json!(false)),
                done => done.map(|()| json!(true)),
            };
        }
        "head" | "describe" => return head(store, &key("key")?).await,
        "list" => {
            let found = store.list(Some(&key("prefix")?));
            let keys: Vec<String> = found.map_ok(|one| one.location.into()).try_collect().await?;
            return Ok(json!(keys));
        }
        "copy" => store.copy(&key("source")?, &key("target")?).await?,
        "delete" => store.delete(&key("key")?).await?,
        "delete_many" => delete_many(store, told).await?,
        "presign_get" => return presigned(store, "GET", &key("key")?).await,
        "presign_put" => return presigned(store, "PUT", &key("key")?).await,
        verb => return Err(format!("no verb {verb}").into()),
    }
    Ok(Value::Null)
}

async fn put(store: &AmazonS3, told: &Value, options: PutOptions) -> Outcome<()> {
    let content = tokio::fs::read(text(told, "path")).await?;
    store.put_opts(&Path::parse(text(told, "key"))?, content.into(), options).await?;
    Ok(())
}

fn described(told: &Value) -> Attributes {
    let mut said = Attributes::new();
    said.insert(Attribute::ContentType, text(told, "content_type").into());
    for (name, value) in told["metadata"].as_object().into_iter().flatten() {
        let named = Attribute::Metadata(Cow::Owned(name.clone()));
        said.insert(named, value.as_str().unwrap_or_default().to_owned().into());
    }
    said
}

async fn multipart(store: &AmazonS3, told: &Value) -> Outcome<()> {
    let upload = store.put_multipart(&Path::parse(text(told, "key"))?).await?;
    let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
    parts.write(&tokio::fs::read(text(told, "path")).await?);
    parts.finish().await?;
    Ok(())
}

async fn get(store: &AmazonS3, told: &Value, options: GetOptions) -> Outcome<()> {
    let answer = store.get_opts(&Path::parse(text(told, "key"))?, options).await?;
    tokio::fs::write(text(told, "to"), answer.bytes().await?).await?;
    Ok(())
}

async fn head(store: &AmazonS3, key: &Path) -> Outcome<Value> {
    let seen = store.get_opts(key, GetOptions { head: true, ..Default::default() }).await?;
    let mut metadata = serde_json::Map::new();
    let mut content_type = String::new();
    for (attribute, value) in &seen.attributes {
        match attribute {
            Attribute::ContentType => content_type = value.to_string(),
            Attribute::Metadata(name) => {
                metadata.insert(name.to_string(), json!(value.as_ref()));
            }
            _ => {}
        }
    }
    Ok(json!({
        "size": seen.meta.size, "etag": seen.meta.e_tag,
        "content_type": content_type, "metadata": metadata,
    }))
}

async fn delete_many(store: &AmazonS3, told: &Value) -> Outcome<()> {
    let keys = told["keys"].as_array().into_iter().flatten();
    let paths: Result<Vec<Path>, _> =
        keys.map(|key| Path::parse(key.as_str().unwrap_or_default())).collect();
    let named = stream::iter(paths?.into_iter().map(Ok)).boxed();
    store.delete_stream(named).try_collect::<Vec<_>>().await?;
    Ok(())
}

async fn presigned(store: &AmazonS3, method: &str, key: &Path) -> Outcome<Value> {
    let url = store.signed_url(method.parse()?, key, VALID).await?;
    Ok(json!(url.as_str()))
}

fn is_not_modified(refused: &(dyn Error + 'static)) -> bool {
    matches!(refused.downcast_ref(), Some(StoreError::NotModified { .. }))
}

fn text(told: &Value, name: &str) -> String {
    told[name].as_str().unwrap_or_default().to_owned()
}

fn explained(refused: &dyn Error) -> String {
    let mut said = refused.to_string();
    let mut cause = refused.source();
    while let Some(inner) = cause {
        said = format!("{said}: {inner}");
        cause = inner.source();
    }
    said
}
