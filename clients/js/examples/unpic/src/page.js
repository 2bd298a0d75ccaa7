import { Image } from '@unpic/react/base'
import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { transform } from 'tada-media/unpic'

const base = process.env.MEDIA ?? 'http://localhost:8080/assets/media'

console.log(
  renderToStaticMarkup(
    createElement(Image, {
      src: '/DEV/shop/cat.webp',
      alt: 'A cat',
      width: 400,
      height: 300,
      layout: 'constrained',
      operations: { quality: 75 },
      options: { base },
      transformer: transform,
    }),
  ),
)
