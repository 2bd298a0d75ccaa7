'use client'

import { useRouter } from 'next/navigation'
import { startTransition } from 'react'

export default function Failed({ reset }) {
  const router = useRouter()
  // `reset` alone would show again what the server has answered before.
  const again = () =>
    startTransition(() => {
      router.refresh()
      reset()
    })
  return (
    <div role="alert">
      <p>The shop cannot reach its pictures at the moment.</p>
      <button onClick={again}>Try again</button>
    </div>
  )
}
