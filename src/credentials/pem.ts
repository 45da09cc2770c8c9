import { X509Certificate } from 'node:crypto'

const certificates = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Whether a text is certificates in PEM and nothing that only looks like them. */
export const isBundle = (pem: string): boolean => {
  try {
    const found = pem.match(certificates) ?? []
    for (const certificate of found) new X509Certificate(certificate)
    return found.length > 0
  } catch {
    return false
  }
}
