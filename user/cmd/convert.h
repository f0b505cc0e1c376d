/* SPDX-License-Identifier: BSD-2-Clause */
/* convert: results in one format to others. */
#ifndef WHITHER_CONVERT_H
#define WHITHER_CONVERT_H

int cmd_convert(int argc, char **argv);

#endif
