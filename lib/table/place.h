/* place.h - where a record stands in Kafka: what names it for good, whatever it holds. */
#ifndef SLUICE_TABLE_PLACE_H
#define SLUICE_TABLE_PLACE_H

#include <stdint.h>

struct sluice_record_place {
    const char *topic; /* borrowed for the call it is given to */
    int32_t partition;
    int64_t offset;
};

#endif
