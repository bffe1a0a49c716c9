/** How a client knows a server, and shows who it is: certificates from files. */
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { credentials, type ChannelCredentials } from '@grpc/grpc-js'
import { DomainError } from '#lib/model/errors.ts'
import { SECURE_VERSIONS, type TlsVersion } from './tls.ts'

export interface ClientTls {
  readonly enabled: boolean
  /** Any certificate will do. */
  readonly skipVerify: boolean
  /** Files; '' for none, and the authorities of this system. */
  readonly cert: string
  readonly key: string
  readonly ca: string
  readonly minVersion: TlsVersion
  /** '' for the host of the address. */
  readonly serverName: string
}

export const NO_TLS: ClientTls = {
  enabled: false,
  skipVerify: false,
  cert: '',
  key: '',
  ca: '',
  minVersion: '1.3',
  serverName: '',
}

export interface ClientCredentials {
  readonly credentials: ChannelCredentials
  /** What the files hold: changes with them. */
  readonly fingerprint: string
}

/** Throws `invalid` where a file can't be read, or they do not fit together. */
export async function readClientCredentials(tls: ClientTls): Promise<ClientCredentials> {
  if (!tls.enabled) return { credentials: credentials.createInsecure(), fingerprint: '' }
  const { cert, key, ca, skipVerify, minVersion } = tls
  if ((cert === '') !== (key === '')) {
    throw new DomainError(
      'invalid',
      'client certificate: a certificate and its key belong together',
    )
  }
  try {
    const read = async (path: string) => (path === '' ? undefined : readFile(path))
    const [ofCert, ofKey, ofCa] = await Promise.all([read(cert), read(key), read(ca)])
    const context = createSecureContext({
      ...(ofCert && { cert: ofCert }),
      ...(ofKey && { key: ofKey }),
      ...(ofCa && { ca: ofCa }),
      minVersion: SECURE_VERSIONS[minVersion],
    })
    return {
      credentials: credentials.createFromSecureContext(context, {
        rejectUnauthorized: !skipVerify,
        ...(skipVerify && { checkServerIdentity: () => undefined }),
      }),
      fingerprint: [ofCert, ofKey, ofCa].map((bytes) => bytes?.toString('base64') ?? '').join(' '),
    }
  } catch (cause) {
    throw new DomainError('invalid', `client certificate: ${(cause as Error).message}`, { cause })
  }
}
