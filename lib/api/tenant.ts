/** The tenant of a request: that of the caller's token, or as Thanos's querier finds it. */
import type { Caller } from '#lib/model/caller.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { Matcher } from '#lib/model/matcher.ts'

/** Flags of Thanos's querier. */
export interface TenancySettings {
  /** `--query.tenant-header` */
  readonly header: string
  /** `--query.default-tenant-id` */
  readonly defaultTenant: string
  /** `--query.tenant-certificate-field`: the header is ignored, the client's certificate says who it is. */
  readonly certificateField?: CertificateField | undefined
  /** `--query.enforce-tenancy`: only series whose tenant label is the tenant are ever seen. */
  readonly enforce: boolean
  /** `--query.tenant-label-name` */
  readonly labelName: string
}

export const CERTIFICATE_FIELDS = ['organization', 'organizationalUnit', 'commonName'] as const
export type CertificateField = (typeof CERTIFICATE_FIELDS)[number]

const THANOS_HEADER = 'THANOS-TENANT'

export const DEFAULT_TENANCY: TenancySettings = {
  header: THANOS_HEADER,
  defaultTenant: 'default-tenant',
  enforce: false,
  labelName: 'tenant_id',
}

/** How each field is written in a distinguished name. */
const ATTRIBUTES: Readonly<Record<CertificateField, string>> = {
  organization: 'O',
  organizationalUnit: 'OU',
  commonName: 'CN',
}

/** What is known of who asks, beside the headers. */
export interface Asker {
  /** Where there is a door. */
  readonly caller?: Caller | undefined
  /** Distinguished name of the client's certificate (RFC 4514), where the gateway asked for one. */
  readonly subject?: string | undefined
}

/**
 * The tenant of the caller's token, if it has one. A header is a claim: of those who came in by a token only an admin may make it.
 * Throws `invalid` where the tenant is no single path element or the certificate does not name one.
 */
export function tenantOf(
  headers: Headers,
  { header, defaultTenant, certificateField }: TenancySettings,
  { caller, subject }: Asker = {},
): string {
  if (caller?.tenant !== undefined) return caller.tenant
  const mayClaim = caller === undefined || caller.scopes.includes('admin')
  const claimed = mayClaim && (headers.get(header) || headers.get(THANOS_HEADER))
  const tenant =
    certificateField === undefined ? claimed || defaultTenant : fieldOf(subject, certificateField)
  if (tenant === '' || tenant.includes('/')) {
    throw new DomainError('invalid', 'tenant name not valid')
  }
  return tenant
}

/** A token of a tenant is for that tenant's series, also where nothing else is enforced. */
export function tenantMatchers(
  { enforce, labelName }: TenancySettings,
  tenant: string,
  caller: Caller | undefined,
): readonly Matcher[] {
  const isBound = caller?.tenant !== undefined
  return enforce || isBound ? [{ type: '=', name: labelName, value: tenant }] : []
}

function fieldOf(subject: string | undefined, field: CertificateField): string {
  if (subject === undefined || subject === '') {
    throw new DomainError('invalid', 'could not get required certificate field from client cert')
  }
  const value = attributesOf(subject).get(ATTRIBUTES[field])
  if (value === undefined) {
    throw new DomainError('invalid', `could not get ${field} field from client cert`)
  }
  return value
}

/** The first value of each attribute; a comma, plus or equals sign inside a value stands behind a backslash. */
function attributesOf(subject: string): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const [, name, value] of subject.matchAll(/(?:^|[,+])\s*([A-Za-z]+)=((?:\\.|[^,+\\])*)/gs)) {
    const key = name!.toUpperCase()
    if (!attributes.has(key)) attributes.set(key, value!.replace(/\\(.)/gs, '$1').trim())
  }
  return attributes
}
