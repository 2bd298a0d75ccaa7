'use client'

import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { upload } from 'tada-media'

/** Sends a picture from the browser to TADA, with a ticket: the server of the shop never has the bytes. */
export function Uploader() {
  const router = useRouter()
  const [share, setShare] = useState(0)
  const [said, setSaid] = useState('')

  async function submit(event) {
    event.preventDefault()
    const form = event.currentTarget
    const { picture, title, alt, caption, price } = Object.fromEntries(new FormData(form))
    setSaid('Uploading…')
    try {
      const answer = await fetch('/admin/ticket', { method: 'POST' })
      if (!answer.ok) throw new Error('The shop gave no ticket. Is TADA running?')
      await upload(await answer.json(), picture, {
        fields: { title, alt, caption, meta: JSON.stringify({ price: Number(price) }) },
        onProgress: (sent, all) => setShare(sent / all),
      })
      setSaid(`${title} is in the shop.`)
      form.reset()
      router.refresh()
    } catch (error) {
      setSaid([error.message, error.hint].filter(Boolean).join(' '))
    }
    setShare(0)
  }

  return (
    <form className="upload" onSubmit={submit}>
      <label>
        Picture <input type="file" name="picture" accept="image/jpeg,image/png,image/webp" required />
      </label>
      <label>
        Name <input name="title" required />
      </label>
      <label>
        What the picture shows <input name="alt" required />
      </label>
      <label>
        Text <input name="caption" />
      </label>
      <label>
        Price in euros <input name="price" type="number" min="0" step="0.01" required />
      </label>
      <button>Upload</button>
      {share > 0 && <progress value={share} aria-label="Uploaded" />}
      <p role="status">{said}</p>
    </form>
  )
}
