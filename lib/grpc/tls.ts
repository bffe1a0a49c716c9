/** A server's certificate, key and clients' authority from files, read again when these change. */
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls'
import { ServerCredentials } from '@grpc/grpc-js'
import { DomainError } from '#lib/model/errors.ts'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Where it is given, clients must have a certificate of this authority. */
  readonly clientCa?: string
  readonly minVersion: TlsVersion
}

export const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const
export type TlsVersion = (typeof TLS_VERSIONS)[number]

/** As Node says it. */
export const SECURE_VERSIONS: Readonly<Record<TlsVersion, SecureVersion>> = {
  '1.0': 'TLSv1',
  '1.1': 'TLSv1.1',
  '1.2': 'TLSv1.2',
  '1.3': 'TLSv1.3',
}

/** Connections that are there keep what they have; new ones get what was read last. */
export class FileCredentials extends ServerCredentials {
  readonly #files: TlsFiles
  #context: SecureContextOptions

  private constructor(files: TlsFiles, context: SecureContextOptions) {
    const asksClients = files.clientCa !== undefined
    super({ requestCert: asksClients, rejectUnauthorized: asksClients }, context)
    this.#files = files
    this.#context = context
  }

  /** Throws `invalid` where a file can't be read or they do not fit together. */
  static async read(files: TlsFiles): Promise<FileCredentials> {
    return new FileCredentials(files, await readContext(files))
  }

  /** True when something new is in use. What can't be read, or does not fit, throws `invalid` and changes nothing. */
  async refresh(): Promise<boolean> {
    const context = await readContext(this.#files)
    if (sameContext(context, this.#context)) return false
    this.#context = context
    this.updateSecureContextOptions(context)
    return true
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other
  }
}

async function readContext(files: TlsFiles): Promise<SecureContextOptions> {
  const { cert, key, clientCa, minVersion } = files
  try {
    const context: SecureContextOptions = {
      cert: await readFile(cert),
      key: await readFile(key),
      ...(clientCa !== undefined && { ca: await readFile(clientCa) }),
      minVersion: SECURE_VERSIONS[minVersion],
    }
    createSecureContext(context)
    return context
  } catch (cause) {
    throw new DomainError('invalid', `server credentials: ${(cause as Error).message}`, { cause })
  }
}

function sameContext(a: SecureContextOptions, b: SecureContextOptions): boolean {
  return (['cert', 'key', 'ca'] as const).every((part) => {
    const [x, y] = [a[part] as Buffer | undefined, b[part] as Buffer | undefined]
    return x === y || (x !== undefined && y !== undefined && x.equals(y))
  })
}
