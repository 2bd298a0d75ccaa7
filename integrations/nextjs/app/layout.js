import Link from 'next/link'

import './shop.css'

export const metadata = { title: 'A shop with TADA' }

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <header>
          <Link href="/">A shop with TADA</Link>
          {/* Not a Link: it would be fetched ahead, and ask every visitor for the password. */}
          <a href="/admin">Admin</a>
        </header>
        <main>{children}</main>
      </body>
    </html>
  )
}
