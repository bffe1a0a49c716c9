/** Listings read to their end. */
import type { Bucket, ListOptions, ListPage } from '#lib/bucket/bucket.ts'

export async function collectPages(
  bucket: Bucket,
  prefix: string,
  options?: ListOptions,
): Promise<ListPage[]> {
  const pages: ListPage[] = []
  for await (const page of bucket.list(prefix, options)) pages.push(page)
  return pages
}

export async function collectKeys(
  bucket: Bucket,
  prefix: string,
  options?: ListOptions,
): Promise<string[]> {
  const pages = await collectPages(bucket, prefix, options)
  return pages.flatMap((page) => page.objects.map((object) => object.key))
}

export async function collectPrefixes(
  bucket: Bucket,
  prefix: string,
  options?: ListOptions,
): Promise<string[]> {
  const pages = await collectPages(bucket, prefix, { ...options, delimiter: '/' })
  return pages.flatMap((page) => page.prefixes)
}
