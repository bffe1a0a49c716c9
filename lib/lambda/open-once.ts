/** What an instance of a function opens once in its life, beginning while it starts. */

/**
 * Where opening failed, who waits for it hears of that, and the next one begins anew: a bucket that did not answer for a moment must not
 * make an instance useless for as long as Lambda keeps it. What fails before anybody waits ends no process.
 */
export function openOnce<T>(open: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined
  const begin = (): Promise<T> => {
    const opening = open()
    current = opening
    opening.catch(() => {
      if (current === opening) current = undefined
    })
    return opening
  }
  void begin()
  return () => current ?? begin()
}
