/* SPDX-License-Identifier: BSD-2-Clause */
/* formats: every format there is. */
#include "out/formats.h"

const struct out_format *const out_formats[] = {
	&csv_format,   &jsonl_format, &text_format, &warts_format,
	&atlas_format, &pcap_format,  NULL,
};
