/** Upload, download and share S3 objects through presign, from browsers and Node. */

/** Where the service is, and how it knows the caller. */
export interface ServiceOptions {
  /** Where presign is, such as `https://presign.example.com`. In a page it may be relative. */
  url: string | URL;
  /** An API key or a JWT. A function is called for each call, so the token may change. */
  token?: string | (() => string | Promise<string>);
  /** Headers of each call to the service, for example of a proxy that authenticates. */
  headers?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);
  /** Used instead of the global `fetch` for calls to the service, never for the store. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  retries?: RetryOptions;
}

/** How often a failed attempt is repeated. */
export interface RetryOptions {
  /** Attempts in all. 6 by default; 1 turns repetitions off. */
  tries?: number;
  /** Seconds. A longer `Retry-After` is an error. 60 by default. */
  maxWait?: number;
  /** Waits for so many seconds, unless the signal aborts. */
  sleep?: (seconds: number, signal?: AbortSignal) => Promise<void>;
  /** Returns a number from 0 to 1, by which pauses differ. */
  random?: () => number;
  /** Returns the time in milliseconds, by which it is known whether a URL has expired. */
  now?: () => number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Gets the seconds of a `Retry-After` when a wait begins, and null when it is over. */
  onWait?: (seconds: number | null) => void;
}

/** `localStorage`, or another storage with its methods, which may be async. */
export interface ResumeStorage {
  getItem(name: string): string | null | Promise<string | null>;
  setItem(name: string, value: string): void | Promise<void>;
  removeItem(name: string): void | Promise<void>;
}

export type Algorithm = "SHA256" | "SHA1" | "CRC32";

export interface Checksum {
  algorithm: Algorithm;
  /** Base64. Of an object in parts it is made of their checksums, and ends with `-` and their number. */
  value: string;
}

export interface Progress {
  /** Bytes that were sent, or that the store has already. */
  sent: number;
  /** The size of the object in bytes. */
  total: number;
  stage: "sending" | "completing";
}

export interface UploadOptions extends CallOptions {
  /** The bucket's name in presign. */
  bucket: string;
  key: string;
  /** The number of bytes. Only a stream needs it. */
  size?: number;
  /** By default the file's own type. */
  contentType?: string;
  metadata?: Record<string, string>;
  /** Replace an existing object. Without it, that is `object_exists`. */
  overwrite?: boolean;
  /** SHA256 by default. CRC32 is used where WebCrypto cannot compute a SHA: over http, or for very large parts. */
  checksum?: Algorithm;
  /** Bytes of a part. The service's own choice by default: 8 MiB up to 7.8 GiB. */
  partSize?: number;
  /** Parts that are sent at the same time. 4 by default. */
  parallel?: number;
  /** The grant to use. By default the size decides. */
  operation?: "upload" | "multipart";
  /**
   * Where to note what is needed to resume: the upload's id, and size and time of the file. An upload that
   * fails or is aborted then stays at the store, and the same call resumes it. Without it, it is aborted.
   */
  resume?: ResumeStorage;
  onProgress?: (progress: Progress) => void;
}

export interface Uploaded {
  bucket: string;
  key: string;
  size: number;
  /** Null if the bucket's CORS rules do not expose it. */
  etag: string | null;
  versionId?: string;
  /** Undefined for a CRC32 of an object in parts. */
  checksum?: Checksum;
}

/** A request to send exactly as it is described. */
export interface SignedRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  expiresAt: Date;
  /** What shortened the lifetime, if anything did. */
  limitedBy?: string;
}

/** A share link. Anyone who has `url` may use it until `expiresAt`. */
export interface Link {
  id: string;
  url: string;
  expiresAt: Date;
  limitedBy?: string;
  /** Whether `links` yields it. If not, keep the `id`, to revoke it. */
  isListed: boolean;
}

/** A share link of this caller, to one `key` or to a `prefix`. */
export interface ListedLink {
  id: string;
  /** Anyone who has it can use the link. None if it is revoked, or if your grants of now do not cover it. */
  url?: string;
  bucket: string;
  key?: string;
  prefix?: string;
  operations: string[];
  label?: string;
  message?: string;
  filename?: string;
  createdAt: Date;
  notBefore?: Date;
  expiresAt: Date;
  /** `uses` of `maxUses` are over. Neither is there if uses are not counted. */
  maxUses?: number;
  uses?: number;
  isRevoked: boolean;
}

/** An object, or a prefix, which has only a `key`. */
export interface Entry {
  key: string;
  size?: number;
  etag?: string;
  lastModified?: Date;
}

/** A version of an object, a delete marker, which has no `size` and `etag`, or a prefix, which has only a `key`. */
export interface Version extends Entry {
  /** The text `null` for what was stored while the bucket had no versioning. */
  versionId?: string;
  /** Whether it is the newest of its key. */
  isLatest?: boolean;
  /** Whether the object was deleted then. An object whose latest version is a delete marker is hidden. */
  isDeleteMarker?: boolean;
}

export interface CopyOptions {
  bucket: string;
  key: string;
  /** The same bucket by default. */
  targetBucket?: string;
  targetKey: string;
  etag?: string;
  overwrite?: boolean;
  signal?: AbortSignal;
}

/** A refusal of the service or of the store, or a failure to reach them. */
export class PresignError extends Error {
  constructor(
    code: string,
    detail: string,
    more?: Partial<Pick<PresignError, "status" | "errors" | "requestId" | "retryAfter" | "store">>,
  );
  /**
   * One of the codes of the API, which a store's refusal gets too, or `unreachable`, `not_presign`,
   * `invalid_token`, `source_changed`, `precondition_failed`, `copy_too_large`.
   */
  code: string;
  detail: string;
  /** The HTTP status, or 0 if there was no answer. */
  status: number;
  /** The fields that the service refused. */
  errors: { pointer: string; detail: string }[];
  /** Undefined if the store refused. */
  requestId: string | undefined;
  /** The seconds of `Retry-After`, or 0. */
  retryAfter: number;
  /** The store's origin, if the error is about the store. */
  store: string | undefined;
  /** How many attempts were made. */
  attempts: number;
}

/** Uploads a file. The same as `new Presign(options).upload(file, options)`. */
export function upload(
  file: Blob | ReadableStream<Uint8Array>,
  options: ServiceOptions & UploadOptions,
): Promise<Uploaded>;

/**
 * Sends a body with a signed request that came another way, such as from your backend, and reports progress.
 * It is sent once: a URL for a new object cannot be used twice.
 *
 * @throws PresignError if the store refuses or does not answer
 */
export function send(
  signed: Pick<SignedRequest, "method" | "url" | "headers">,
  body: Blob,
  options?: { signal?: AbortSignal; onProgress?: (progress: Progress) => void },
): Promise<Pick<Uploaded, "etag" | "versionId">>;

export class Presign {
  constructor(options: ServiceOptions);
  /** Ends in a slash. */
  readonly url: string;

  /**
   * Uploads a file, in parts if it is larger than one. The signal's reason is thrown if it is aborted.
   *
   * @throws PresignError if the service or the store refuses, or does not answer
   */
  upload(file: Blob | ReadableStream<Uint8Array>, options: UploadOptions): Promise<Uploaded>;
  /** Aborts the upload that `upload` left to be resumed, if there is one. */
  abortUpload(options: { bucket: string; key: string; resume: ResumeStorage }): Promise<void>;
  /** Signs a GET of an object. */
  downloadUrl(options: {
    bucket: string;
    key: string;
    /** Seconds. */
    expiresIn?: number;
    /** The name under which a browser saves it. */
    filename?: string;
    contentType?: string;
    /** Whether a browser saves it or shows it. By default it saves it if there is a `filename`. */
    disposition?: "attachment" | "inline";
    versionId?: string;
    signal?: AbortSignal;
  }): Promise<SignedRequest>;
  /**
   * Deletes an object. In a versioned bucket that hides it, unless `versionId` names what to remove. With `etag`
   * only that content, where the store obeys `If-Match` (`source_changed`).
   */
  delete(options: {
    bucket: string;
    key: string;
    versionId?: string;
    etag?: string;
    signal?: AbortSignal;
  }): Promise<void>;
  /**
   * Copies an object inside the store, up to 5 GiB (`copy_too_large`). With `etag`, as a listing has it, only
   * that content (`source_changed`). It replaces nothing without `overwrite` (`object_exists`). Where the store does
   * not say which of both it is, the source's `etag` is read; if that fails too, it is `precondition_failed`.
   * The copy's ETag may differ from the source's. It is null if the store does not say it.
   */
  copy(options: CopyOptions & { versionId?: string }): Promise<{ etag: string | null }>;
  /** The ETag of an object, by a HEAD, or without a grant for `head` by the start of a GET. */
  etag(options: { bucket: string; key: string; versionId?: string; signal?: AbortSignal }): Promise<string>;
  /**
   * Copies an object, and deletes the original once the copy exists: what fails leaves it. It is deleted only if
   * it is still what was copied, where the store obeys `If-Match`. Without `etag` the current one is read first.
   */
  move(options: CopyOptions): Promise<void>;
  /** Makes a share link to an object or a prefix, or with `upload` a drop box. */
  link(options: {
    bucket: string;
    key?: string;
    prefix?: string;
    upload?: boolean;
    /** Seconds. */
    expiresIn?: number;
    maxUses?: number;
    filename?: string;
    /** Who shares or asks: the link's page shows it, and `message`, what for. */
    label?: string;
    message?: string;
    signal?: AbortSignal;
  }): Promise<Link>;
  /** Lists the share links of this caller that have not expired, the newest first. */
  links(options?: { signal?: AbortSignal }): AsyncGenerator<ListedLink>;
  /** Ends a share link of this caller. */
  revokeLink(id: string, options?: { signal?: AbortSignal }): Promise<void>;
  /** Lists one level below a prefix, or with `recursive` all keys. It asks for pages as they are needed. */
  list(options: {
    bucket: string;
    prefix?: string;
    recursive?: boolean;
    signal?: AbortSignal;
  }): AsyncGenerator<Entry>;
  /**
   * Lists versions and delete markers as `list` lists objects: by key, and the newest of a key first. It needs
   * grants for `list` and `versions`. For one object, `prefix` is its key: ignore other keys that begin with it.
   */
  versions(options: {
    bucket: string;
    prefix?: string;
    recursive?: boolean;
    signal?: AbortSignal;
  }): AsyncGenerator<Version>;
  /**
   * Calls the service. Returns the JSON of its answer, or null if it has no body.
   *
   * @param path relative to the service's URL, such as `v1/head-urls`
   */
  call(
    method: string,
    path: string,
    options?: CallOptions & {
      query?: Record<string, string | undefined>;
      body?: unknown;
      headers?: Record<string, string>;
      /** False for a call that creates something each time. */
      isRepeatable?: boolean;
    },
  ): Promise<any>;
}
