/** Who asks: the tenant of a request, as Thanos's querier finds it. */
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

/**
 * `subject` is the distinguished name of the client's certificate (RFC 4514), where the gateway asked for one. Throws
 * `invalid` where the tenant is no single path element or the certificate does not name one.
 */
export function tenantOf(
  headers: Headers,
  { header, defaultTenant, certificateField }: TenancySettings,
  subject?: string,
): string {
  const tenant =
    certificateField === undefined
      ? headers.get(header) || headers.get(THANOS_HEADER) || defaultTenant
      : fieldOf(subject, certificateField)
  if (tenant === '' || tenant.includes('/')) {
    throw new DomainError('invalid', 'tenant name not valid')
  }
  return tenant
}

export function tenantMatchers(
  { enforce, labelName }: TenancySettings,
  tenant: string,
): readonly Matcher[] {
  return enforce ? [{ type: '=', name: labelName, value: tenant }] : []
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
