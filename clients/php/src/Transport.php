<?php

declare(strict_types=1);

namespace Tada\Media;

/** Sends one request, once. Throws TadaError (`not_reached`) if no whole answer comes. */
interface Transport
{
    public function send(Request $request): Answer;
}
