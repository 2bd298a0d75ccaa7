'use client'
import { loader } from 'tada-media/next'

export default loader(process.env.NEXT_PUBLIC_MEDIA ?? 'http://localhost:8080/assets/media')
