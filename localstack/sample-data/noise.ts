/** Chance without a generator: the same number for the same question, at any time, in any process. */

/** 32 bits of two integers. */
export function hashPair(seed: number, index: number): number {
  let h = Math.imul(seed ^ Math.imul(index | 0, 0x9e3779b1), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 13), 0x27d4eb2f)
  return (h ^ (h >>> 16)) >>> 0
}

/** 32 bits of a text: FNV-1a, mixed once more because its last characters change few bits. */
export function hashText(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return hashPair(h, text.length)
}

/** In [0, 1). */
export function chance(seed: number, index: number): number {
  return hashPair(seed, index) / 0x1_0000_0000
}

/** Lower case letters and digits as Kubernetes puts behind names of pods. */
export function nameSuffix(seed: number, index: number, length: number): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789'
  let suffix = ''
  for (let i = 0; i < length; i++) {
    suffix += alphabet[hashPair(seed + i, index) % alphabet.length]
  }
  return suffix
}
