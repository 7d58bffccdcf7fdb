"""The documents that the lines put: each well-formed as the S3 API Reference gives it."""

_NS = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

VERSIONING = f"<VersioningConfiguration{_NS}><Status>Enabled</Status></VersioningConfiguration>"
ACL = (
    f"<AccessControlPolicy{_NS}><Owner><ID>owner</ID></Owner><AccessControlList><Grant>"
    '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">'
    "<ID>owner</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
    "</AccessControlPolicy>"
)
TAGGING = (
    f"<Tagging{_NS}><TagSet><Tag><Key>team</Key><Value>a &amp; b</Value></Tag></TagSet></Tagging>"
)
POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
    '"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::{bucket}/public/*"]}]}'
)
LIFECYCLE = (
    f"<LifecycleConfiguration{_NS}><Rule><ID>old</ID><Filter><Prefix>logs/</Prefix></Filter>"
    "<Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>"
)
CORS = (
    f"<CORSConfiguration{_NS}><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin>"
    "<AllowedMethod>GET</AllowedMethod><AllowedHeader>*</AllowedHeader>"
    "<MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>"
)
OBJECT_LOCK = (
    f"<ObjectLockConfiguration{_NS}><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    "</ObjectLockConfiguration>"
)
NOTIFICATION = f"<NotificationConfiguration{_NS}></NotificationConfiguration>"
ENCRYPTION = (
    f"<ServerSideEncryptionConfiguration{_NS}><Rule><ApplyServerSideEncryptionByDefault>"
    "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
    "</ServerSideEncryptionConfiguration>"
)
REPLICATION = (
    f"<ReplicationConfiguration{_NS}><Role>arn:aws:iam::1:role/r</Role><Rule>"
    "<Status>Enabled</Status><Prefix></Prefix><Destination><Bucket>arn:aws:s3:::elsewhere</Bucket>"
    "</Destination></Rule></ReplicationConfiguration>"
)
WEBSITE = (
    f"<WebsiteConfiguration{_NS}><IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
    "</WebsiteConfiguration>"
)
LOGGING = f"<BucketLoggingStatus{_NS}></BucketLoggingStatus>"
ACCELERATE = f"<AccelerateConfiguration{_NS}><Status>Suspended</Status></AccelerateConfiguration>"
REQUEST_PAYMENT = (
    f"<RequestPaymentConfiguration{_NS}><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"
)
PUBLIC_ACCESS = (
    f"<PublicAccessBlockConfiguration{_NS}><BlockPublicAcls>true</BlockPublicAcls>"
    "</PublicAccessBlockConfiguration>"
)
OWNERSHIP = (
    f"<OwnershipControls{_NS}><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"
    "</OwnershipControls>"
)
ABAC = f"<AbacStatus{_NS}><Status>Disabled</Status></AbacStatus>"
INVENTORY = (
    f"<InventoryConfiguration{_NS}><Id>one</Id><IsEnabled>false</IsEnabled>"
    "<Destination><S3BucketDestination><Format>CSV</Format><Bucket>arn:aws:s3:::{bucket}</Bucket>"
    "</S3BucketDestination></Destination><Schedule><Frequency>Daily</Frequency></Schedule>"
    "<IncludedObjectVersions>Current</IncludedObjectVersions></InventoryConfiguration>"
)
ANALYTICS = (
    f"<AnalyticsConfiguration{_NS}><Id>one</Id><StorageClassAnalysis></StorageClassAnalysis>"
    "</AnalyticsConfiguration>"
)
METRICS = f"<MetricsConfiguration{_NS}><Id>one</Id></MetricsConfiguration>"
INTELLIGENT_TIERING = (
    f"<IntelligentTieringConfiguration{_NS}><Id>one</Id><Status>Enabled</Status><Tiering>"
    "<AccessTier>ARCHIVE_ACCESS</AccessTier><Days>90</Days></Tiering>"
    "</IntelligentTieringConfiguration>"
)
RETENTION = (
    f"<Retention{_NS}><Mode>GOVERNANCE</Mode>"
    "<RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>"
)
LEGAL_HOLD = f"<LegalHold{_NS}><Status>{{status}}</Status></LegalHold>"
_SQL = "select * from S3Object"
SELECT = (
    f"<SelectObjectContentRequest{_NS}><Expression>{_SQL}</Expression>"
    "<ExpressionType>SQL</ExpressionType><InputSerialization><CSV/></InputSerialization>"
    "<OutputSerialization><CSV/></OutputSerialization></SelectObjectContentRequest>"
)
RESTORE = f"<RestoreRequest{_NS}><Days>1</Days></RestoreRequest>"
COMPLETE = (
    f"<CompleteMultipartUpload{_NS}><Part><PartNumber>1</PartNumber><ETag>{{part}}</ETag></Part>"
    "</CompleteMultipartUpload>"
)
DELETE = (
    f"<Delete{_NS}><Object><Key>new</Key></Object><Object><Key>nothing here</Key></Object>"
    "<Object><Key>zipped</Key></Object></Delete>"
)
