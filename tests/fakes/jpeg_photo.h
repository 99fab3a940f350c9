// A photo that needs no file.
#ifndef SISKIN_TESTS_FAKES_JPEG_PHOTO_H_
#define SISKIN_TESTS_FAKES_JPEG_PHOTO_H_

#include <jpeglib.h>  // after <cstdio>, which it needs

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace siskin::testing {

// A colourful JPEG file. Link PkgConfig::codecs.
inline std::vector<uint8_t> JpegPhoto(int width, int height) {
  jpeg_compress_struct cinfo = {};
  jpeg_error_mgr errors = {};
  cinfo.err = jpeg_std_error(&errors);
  jpeg_create_compress(&cinfo);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&cinfo, &bytes, &size);
  cinfo.image_width = width;
  cinfo.image_height = height;
  cinfo.input_components = 3;
  cinfo.in_color_space = JCS_RGB;
  jpeg_set_defaults(&cinfo);
  jpeg_start_compress(&cinfo, TRUE);
  std::vector<uint8_t> row(size_t{3} * width);
  for (int y = 0; y < height; ++y) {
    for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<uint8_t>(i * (i % 3 + 1) / 5 + y);
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&cinfo, rows, 1);
  }
  jpeg_finish_compress(&cinfo);
  jpeg_destroy_compress(&cinfo);
  std::vector<uint8_t> file(bytes, bytes + size);
  std::free(bytes);
  return file;
}

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_FAKES_JPEG_PHOTO_H_
