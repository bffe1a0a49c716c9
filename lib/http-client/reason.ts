/** With the address that was asked, where it is not in it already. */
export function failureAt(url: string, error: unknown): string {
  const { message } = error as Error
  return message.includes(url) ? message : `${url}: ${message}`
}

/** Why a connection failed, in the words that help: "connect ECONNREFUSED 127.0.0.1:9090". */
export function reasonOf(error: unknown): string {
  // A name with several addresses gives an empty text with the errors of each; fetch hides its reason in the cause.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) {
    return error.errors[0].message
  }
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof AggregateError) return reasonOf(cause)
  if (cause instanceof Error && cause.message !== '') return cause.message
  return error instanceof Error ? error.message : String(error)
}
