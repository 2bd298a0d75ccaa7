import { createHash, timingSafeEqual } from 'node:crypto'
import { NextResponse } from 'next/server'

export const config = { matcher: ['/admin', '/admin/:path*'] }

/** Only who knows ADMIN_PASSWORD sees the admin page, gets tickets, or deletes. A real shop has its own logins. */
export function proxy(request) {
  const password = process.env.ADMIN_PASSWORD
  if (!password) return new NextResponse('Set ADMIN_PASSWORD to use this page.', { status: 503 })
  const [, given = ''] = /^Basic (.+)$/.exec(request.headers.get('authorization') ?? '') ?? []
  if (isSame(Buffer.from(given, 'base64').toString(), `admin:${password}`)) return NextResponse.next()
  return new NextResponse('Log in as admin.', { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="admin"' } })
}

const digest = (text) => createHash('sha256').update(text).digest()
const isSame = (one, other) => timingSafeEqual(digest(one), digest(other))
