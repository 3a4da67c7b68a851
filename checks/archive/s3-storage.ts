import type { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { Failure } from '../../infra/failure.ts'
import { isOfArchive, MANIFEST } from './manifest.ts'
import { README } from './readme.ts'
import type { ArchiveStorage, NewArchive, StoredArchive } from './storage.ts'

/** A bucket of S3, or of what speaks its protocol, and the folder in it. */
export interface S3Place {
  bucket: string
  /** Without slashes around it; empty for the bucket's root. */
  prefix: string
  /** Its URL; what the environment says when absent. */
  endpoint?: string | undefined
}

/** Where nobody says otherwise; most servers that speak S3's protocol ask for none. */
const REGION = 'us-east-1'

/**
 * Where and as whom is what the AWS SDK reads of the environment: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_PROFILE and the others
 * (https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html).
 */
function clientOfEnvironment(endpoint: string | undefined): S3Client {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE } = process.env
  const isElsewhere = Boolean(endpoint ?? AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL)
  const isSaid = Boolean(AWS_REGION ?? AWS_PROFILE)
  return new S3Client({
    // Other servers seldom have a name for each bucket.
    forcePathStyle: isElsewhere,
    ...(endpoint !== undefined && { endpoint }),
    ...(!isSaid && { region: REGION }),
  })
}

/** An archive is there once its manifest is, which comes last. */
export class S3Storage implements ArchiveStorage {
  readonly name: string
  readonly isFolder = false
  readonly #place: S3Place
  readonly #client: S3Client

  constructor(place: S3Place) {
    this.#place = place
    this.#client = clientOfEnvironment(place.endpoint)
    this.name = `s3://${[place.bucket, place.prefix].filter(part => part !== '').join('/')}`
  }

  async create(archive: string): Promise<NewArchive> {
    const name = `${this.name}/${archive}`
    const keys: string[] = []
    const { bucket: Bucket } = this.#place
    const keyOf = (file: string) => this.#keyOf(archive, file)
    return {
      name,
      put: async (file, content) => {
        const Key = keyOf(file)
        keys.push(Key)
        const upload = new Upload({ client: this.#client, params: { Bucket, Key, Body: content } })
        await this.#explained(name, upload.done())
      },
      finish: async manifest => {
        const put = new PutObjectCommand({
          Bucket,
          Key: keyOf(MANIFEST),
          Body: manifest,
          ContentType: 'application/json',
        })
        await this.#explained(name, this.#client.send(put))
      },
      abandon: async () => {
        if (keys.length === 0) return
        const Objects = keys.map(Key => ({ Key }))
        await this.#client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
      },
    }
  }

  async clear(archive: string): Promise<void> {
    const Bucket = this.#place.bucket
    const folder = this.#folderOf(archive)
    for (;;) {
      const list = new ListObjectsV2Command({ Bucket, Prefix: `${folder}/` })
      const { Contents = [] } = await this.#explained(archive, this.#client.send(list))
      const names = Contents.map(({ Key = '' }) => Key.slice(folder.length + 1))
      const own = names.filter(isOfArchive)
      if (own.length === 0 || names.includes(MANIFEST)) return
      const Objects = own.map(name => ({ Key: `${folder}/${name}` }))
      const remove = new DeleteObjectsCommand({ Bucket, Delete: { Objects } })
      await this.#explained(archive, this.#client.send(remove))
    }
  }

  open(archive = this.name): StoredArchive {
    const Bucket = this.#place.bucket
    const folder = this.#folderOf(archive)
    const keyOf = (file: string) => [folder, file].filter(part => part !== '').join('/')
    return {
      name: archive,
      read: async file => {
        const get = new GetObjectCommand({ Bucket, Key: keyOf(file) })
        const sent = this.#client.send(get).catch(error => {
          if (error instanceof NoSuchKey) return undefined
          throw error
        })
        return (await this.#explained(archive, sent))?.Body as Readable | undefined
      },
      remove: async files => {
        for (const file of [MANIFEST, ...files, README]) {
          const remove = new DeleteObjectCommand({ Bucket, Key: keyOf(file) })
          await this.#explained(archive, this.#client.send(remove))
        }
      },
    }
  }

  /** Of an archive that lies in this place: both begin with s3:// and the bucket. */
  #folderOf(archive: string): string {
    return archive.slice(`s3://${this.#place.bucket}`.length + 1)
  }

  #keyOf(...parts: string[]): string {
    return [this.#place.prefix, ...parts].filter(part => part !== '').join('/')
  }

  /** @throws Failure of what the storage says, in place of the SDK's own errors */
  async #explained<Answer>(where: string, answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer
    } catch (cause) {
      const {
        name = 'Error',
        message = '',
        $metadata,
      } = cause as {
        name?: string
        message?: string
        $metadata?: { httpStatusCode?: number }
      }
      const status = $metadata?.httpStatusCode ?? 0
      const isOurs = (status >= 400 && status < 500) || name === 'CredentialsProviderError'
      throw new Failure(isOurs ? 'misused' : 'unavailable', `${where}: ${name}: ${message}`, {
        mend: 'say where the storage is and who asks: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
        cause,
      })
    }
  }
}
