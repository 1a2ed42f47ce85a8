import { randomBytes } from 'node:crypto';
import { env, Uri, type Webview } from 'vscode';

/** What a webview shows: dist/webview.js and dist/webview.css, and nothing from anywhere else. */
export function pageOf(webview: Webview, extensionUri: Uri): string {
  const nonce = randomBytes(16).toString('base64url');
  const resource = (name: string): string =>
    webview.asWebviewUri(Uri.joinPath(resourceRoot(extensionUri), name)).toString();
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="${env.language}">
  <head>
    <meta charset="UTF-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <link rel="stylesheet" nonce="${nonce}" href="${resource('webview.css')}">
    <title>Cowspace</title>
  </head>
  <body>
    <script nonce="${nonce}" src="${resource('webview.js')}"></script>
  </body>
</html>`;
}

/** The only folder that the page may read. */
export function resourceRoot(extensionUri: Uri): Uri {
  return Uri.joinPath(extensionUri, 'dist');
}
