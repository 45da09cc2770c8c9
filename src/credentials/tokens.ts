const stars = '********'

/**
 * A JWT in compact form (RFC 7519): two JSON objects in base64url, of which every one begins with `{"`, and so with `eyJ`. The first says how it is
 * signed, which is no secret.
 */
const jwt = /\b(eyJ[\w-]{8,}\.)eyJ[\w-]{8,}(\.[\w-]*)?/g

/**
 * A net under the masker: tokens that nobody told us of, such as those that a program mints itself, by their form.
 * @param text a line or another text that is whole
 */
export const hideTokens = (text: string): string => (text.includes('.eyJ') ? text.replaceAll(jwt, `$1${stars}`) : text)
