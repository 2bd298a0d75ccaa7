import Image from 'next/image'

export default function Page() {
  return <Image src="/DEV/shop/cat.webp" alt="A cat" width={400} height={300} quality={75} />
}
