const TOKEN = /\bhf_\w+/g;

/** Text without access tokens: neither anything of a token's form nor the given secrets stay. */
export function redact(text: string, secrets: readonly (string | undefined)[] = []): string {
  return secrets
    .filter((secret): secret is string => (secret?.length ?? 0) >= 8)
    .reduce((clean, secret) => clean.replaceAll(secret, 'hf_…'), text)
    .replace(TOKEN, 'hf_…');
}
