/** The files that worker threads run: beside this one as sources, beside the bundle as bundles. */
export function threadEntry(name: 'slice-worker' | 'part-worker'): URL {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'mjs'
  return new URL(`./${name}.${ending}`, import.meta.url)
}
